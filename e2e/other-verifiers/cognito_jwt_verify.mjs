// Judges Cognito's access tokens with AWS's own verifier, configured as its README says. The key set is from the file:
// nothing goes to the network.
import { readFileSync } from "node:fs";
import { CognitoJwtVerifier } from "aws-jwt-verify";

const { userPoolId, clientId, jwks, cases } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const verifier = CognitoJwtVerifier.create({ userPoolId, clientId, tokenUse: "access" });
verifier.cacheJwks(jwks);
const results = cases.map(({ form, token }) => {
  // It knows user pools only.
  if (form !== "cognito") return null;
  try {
    verifier.verifySync(token);
    return "ok";
  } catch (error) {
    return error.constructor.name;
  }
});
console.log(JSON.stringify(results));
