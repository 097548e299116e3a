.PHONY: schema
schema: ## Develop: Write what the parser knows of each field into docs/config.schema.json
	WRITE_SCHEMA=1 cargo test --locked --quiet --package alb-token --test schema
