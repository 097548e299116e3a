// A service for Envoy's ext_authz with AWS's own verifier: 200 and the user's e-mail address, or 401.
//
// Argument: a JSON file with the load balancer's `arn`, `issuer` and `clientId`, and the key endpoint as `keys`.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { AlbJwtVerifier } from "aws-jwt-verify";
import { AlbJwksCache } from "aws-jwt-verify/alb-cache";

const { arn, issuer, clientId, keys } = JSON.parse(readFileSync(process.argv[2], "utf8"));

// The library's own fetcher insists on HTTPS.
const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() };
const verifier = AlbJwtVerifier.create(
  { albArn: arn, issuer, clientId, jwksUri: keys },
  { jwksCache: new AlbJwksCache({ fetcher }) },
);

const server = createServer(async (request, response) => {
  try {
    const { email } = await verifier.verify(request.headers["x-amzn-oidc-data"] ?? "");
    response.writeHead(200, { "kubeflow-userid": email }).end();
  } catch {
    response.writeHead(401).end();
  }
});
// Envoy keeps its connections; Node.js would end them after five seconds.
server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1");
