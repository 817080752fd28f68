// A backend in JavaScript: pairs a session, and answers every text that comes in with the same text.
//
//     npm ci && GATEWAY_AMQP_URL=amqp://user:password@host/ node echo.mjs SESSION
//
// Events wait in a queue of its own while it is not running. The answer's id is made of the text's: when the program
// ends between the two, it answers again under the same id, and WhatsApp sees one message.
import { randomUUID } from 'node:crypto'
import amqp from 'amqplib'

const [session] = process.argv.slice(2)
const namespace = process.env.GATEWAY_NAMESPACE ?? 'gateway'
const queue = `${namespace}-backend.node-${session}`

const connection = await amqp.connect(process.env.GATEWAY_AMQP_URL)
const channel = await connection.createConfirmChannel()

/** Publishes a command; returns when the broker has it. With the same id it is the same command. */
async function command(routingKey, type, data, id = randomUUID()) {
  const envelope = {
    specversion: '1.0',
    id,
    source: '/echo-node',
    type,
    subject: session,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data
  }
  const properties = { persistent: true, mandatory: true, contentType: 'application/cloudevents+json', messageId: id }
  channel.publish(`${namespace}.commands`, routingKey, Buffer.from(JSON.stringify(envelope)), properties)
  await channel.waitForConfirms()
}

async function hear({ type, data }) {
  if (type === 'session.status.v1' && data.qrString) console.log('scan this:', data.qrString)
  if (type === 'session.status.v1' && data.state === 'connected') console.log('connected as', data.phone)
  if (type === 'message.received.v1' && !data.fromMe && data.content.kind === 'text')
    await command(
      `session.${session}`,
      'message.send.v1',
      { to: data.chat, content: { kind: 'text', text: data.content.text } },
      `echo-${data.messageId}`
    )
}

channel.on('return', ({ fields }) => console.error('nobody takes', fields.routingKey))
await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
await channel.bindQueue(queue, `${namespace}.events`, `#.${session}`)
await channel.prefetch(16)
await channel.consume(queue, async (message) => {
  if (message === null) return // the queue was deleted
  try {
    await hear(JSON.parse(message.content.toString()))
    channel.ack(message)
  } catch (error) {
    console.error('not handled, it comes again:', error.message)
    channel.nack(message)
  }
})
await command('sessions.create', 'session.create.v1', {
  sessionId: session,
  userId: 'echo',
  pairing: { method: 'qr' }
})
