// A receiver of webhooks in JavaScript, with the libraries of Standard Webhooks and of CloudEvents.
//
//     npm ci && WEBHOOK_SECRET=whsec_… node receiver.mjs [PORT]
//
// It prints a line of JSON for each event that it takes. What is not signed with the secret is refused with 401, what is
// no CloudEvent with 400; the gateway then tries again, and gives up after a day. An event may come twice: with the same id.
import { createServer } from 'node:http'
import { HTTP } from 'cloudevents'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.WEBHOOK_SECRET)

/** The body of a request as it came: what is signed are its bytes, not what JSON.parse makes of them. */
async function bodyOf(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts).toString()
}

/** Takes an event; the status of the answer. */
async function take(request) {
  const body = await bodyOf(request)
  try {
    webhook.verify(body, request.headers)
  } catch (error) {
    console.error('not signed as it should be:', error.message)
    return 401
  }
  try {
    console.log(JSON.stringify(HTTP.toEvent({ headers: request.headers, body })))
    return 204
  } catch (error) {
    console.error('no event:', error.message)
    return 400
  }
}

const server = createServer(async (request, response) => {
  response.writeHead(await take(request))
  response.end()
})
server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => console.log('listening at', server.address().port))
