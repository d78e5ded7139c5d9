import Fastify from 'fastify'

const app = Fastify({ bodyLimit: 26 * 1024 * 1024 })
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
app.post('/hooks/github', (_request, reply) => {
  reply.code(200).send({ result: 'accepted' })
})
app.get('/readyz', (_request, reply) => {
  reply.send({ status: 'ready' })
})
console.log(await app.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1' }))
