/**
 * The bridge: a process that holds WhatsApp sockets for Python, without policy and without state.
 *
 * It speaks over the file descriptor it is given only, and ends when that closes: nobody would store what it learns.
 */
import './patches/silence-console.ts'
import './patches/libsignal-queue.ts'
import './patches/strict-signatures.ts'
import './patches/ratchets.ts'
import './patches/strict-curve.ts'
import './patches/group-cipher.ts'

import { Socket } from 'node:net'

import { Bridge } from './bridge.ts'

const CHANNEL = Number(process.argv[2])

const socket = new Socket({ fd: CHANNEL, readable: true, writable: true })
const leave = (): never => process.exit(0)
socket.on('end', leave).on('close', leave).on('error', leave)
// These may go to the whole process group: Python decides when we end
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined)

// Node's crypto asks by exception whether a key is a KeyObject, and Baileys takes a stack for every frame it sends: with
// stack traces that is a third of all CPU here, and nobody would read them
Error.stackTraceLimit = 0

new Bridge(socket)
