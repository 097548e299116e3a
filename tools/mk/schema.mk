.PHONY: schema
schema: ## Write what the parser says of each field into docs/config.schema.json
	WRITE_SCHEMA=1 cargo test --locked --quiet --package alb-token --test schema
