// Judges access tokens with jose, told what it can be told: the issuer's keys, RS256, the issuer, the user, and the
// audience if the provider writes one.
import { readFileSync } from "node:fs";
import { createLocalJWKSet, jwtVerify } from "jose";

const { issuers, audience, subject, jwks, cases } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const keys = createLocalJWKSet(jwks);
const results = [];
for (const { form, token } of cases) {
  const options = { algorithms: ["RS256"], issuer: issuers[form], subject };
  if (form === "oidc") options.audience = audience;
  try {
    await jwtVerify(token, keys, options);
    results.push("ok");
  } catch (error) {
    results.push(error.code ?? `crash:${error.constructor.name}`);
  }
}
console.log(JSON.stringify(results));
