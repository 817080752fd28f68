// Imported before any test: libsignal's queue can be replaced only while nobody has loaded libsignal.
import '../../../../gateway_worker/whatsapp/baileys/bridge/patches/strings.ts'
import '../../../../gateway_worker/whatsapp/baileys/bridge/patches/libsignal-queue.ts'
