// The OpenID provider of `make run-login` where Go isn't there to build Dex: the certified oidc-provider, in
// memory, with the same users and endpoints. It asks for a name and takes any password.
//
// Environment: DEX_PORT, ALB_PORT, WORK (where tls/ is), CLIENT_SECRET, ACCESS_TOKEN_LIFETIME (as 90s, 20m or 1h).
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

import Provider from 'oidc-provider';

const { DEX_PORT, ALB_PORT, WORK, CLIENT_SECRET, ACCESS_TOKEN_LIFETIME } = process.env;
const USERS = ['alice', 'bob', 'carol', 'mallory'].map((name) => `${name}@example.com`);
const SECONDS = { s: 1, m: 60, h: 3600 };

const lifetime = Number.parseInt(ACCESS_TOKEN_LIFETIME, 10) * SECONDS[ACCESS_TOKEN_LIFETIME.at(-1)];

const provider = new Provider(`https://dex.localhost:${DEX_PORT}/dex`, {
  clients: [
    {
      client_id: '3n4b5urk1ft4fl3mg5e62d9ado',
      client_secret: CLIENT_SECRET,
      redirect_uris: [`https://kubeflow.localhost:${ALB_PORT}/oauth2/idpresponse`],
      grant_types: ['authorization_code', 'refresh_token'],
    },
  ],
  routes: { authorization: '/dex/auth', token: '/dex/token', userinfo: '/dex/userinfo' },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  scopes: ['openid', 'offline_access'],
  pkce: { required: () => false },
  ttl: { AccessToken: lifetime, IdToken: lifetime, Grant: 86_400, Interaction: 900, Session: 86_400 },
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: (_, id) => (USERS.includes(id) ? { accountId: id, claims: () => claimsOf(id) } : undefined),
  loadExistingGrant: grantEverything,
});

function claimsOf(email) {
  return { sub: email, email, email_verified: true, name: email.split('@')[0] };
}

// There is one client, and it is ours: nobody is asked for consent.
async function grantEverything(context) {
  const { client, session, params } = context.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

const tls = {
  cert: readFileSync(`${WORK}/tls/dex.localhost.pem`),
  key: readFileSync(`${WORK}/tls/dex.localhost.key`),
};
createServer(tls, provider.callback()).listen(Number(DEX_PORT), '127.0.0.1');
