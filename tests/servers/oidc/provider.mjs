// A certified OpenID provider on a free port of the loopback address, with the people that the test names.
import Provider from 'oidc-provider'

const people = JSON.parse(process.argv[2])
const server = (await import('node:http')).createServer()
await new Promise((done) => server.listen(0, '127.0.0.1', done))
const issuer = `http://127.0.0.1:${server.address().port}`
const provider = new Provider(issuer, {
  // A native client may come back to any port of the loopback address.
  clients: [{
    client_id: 'vestry',
    client_secret: 'tawny-owl',
    application_type: 'native',
    redirect_uris: ['http://127.0.0.1/login/callback'],
  }],
  claims: { openid: ['sub'], profile: ['name', 'roles', 'groups'], email: ['email'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  findAccount: (_, id) => (people[id] ? { accountId: id, claims: () => ({ sub: id, ...people[id] }) } : undefined),
})
server.on('request', provider.callback())
console.log(issuer)
