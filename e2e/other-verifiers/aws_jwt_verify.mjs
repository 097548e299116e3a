// Judges the cases with AWS's own verifier, configured as its README says. It gets the key from the file
// whatever URL it asks for: nothing goes to the network.
import { readFileSync } from "node:fs";
import { AlbJwtVerifier } from "aws-jwt-verify";
import { AlbJwksCache } from "aws-jwt-verify/alb-cache";

const { arn, issuer, clientId, pem, cases } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const fetcher = { fetch: async () => new TextEncoder().encode(pem).buffer };
const verifier = AlbJwtVerifier.create(
  { albArn: arn, issuer, clientId },
  { jwksCache: new AlbJwksCache({ fetcher }) },
);
const verdicts = [];
for (const { token } of cases) {
  try {
    await verifier.verify(token);
    verdicts.push("ok");
  } catch (error) {
    verdicts.push(error.constructor.name);
  }
}
console.log(JSON.stringify(verdicts));
