// A certified provider of OpenID Connect, as an institution might run it. Its settings are JSON in
// OPTIONS; it prints its issuer once it listens. Whoever signs in gets the roles of the login's name.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const given = JSON.parse(process.env.OPTIONS);
const server = createServer((request, response) => answer(request, response));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "kieng-portal",
      client_secret: given.secret,
      redirect_uris: [given.callback],
      post_logout_redirect_uris: [given.home],
      grant_types: ["authorization_code", "refresh_token"],
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: { keys: given.keys },
  cookies: { keys: ["only-for-tests"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: given.names[id] ?? id }) }),
  claims: { openid: ["sub", "name"] },
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  ttl: { AccessToken: given.seconds, IdToken: 600, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
  extraTokenClaims: (_, token) => ({ roles: [token.accountId.split("@")[0]], ...given.claims }),
  // Pages of the portal call four services, each of which accepts its own audience only.
  formats: {
    customizers: {
      jwt: (_context, _token, made) => {
        made.payload.aud = ["kpi", "submissions", "partners", "notifications"].map((name) => `kieng.${name}`);
      },
    },
  },
  features: {
    resourceIndicators: {
      enabled: true,
      defaultResource: () => "urn:kieng",
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "",
        audience: "kieng.kpi",
        accessTokenFormat: "jwt",
        accessTokenTTL: given.seconds,
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});
const answer = provider.callback();
console.log(issuer);
