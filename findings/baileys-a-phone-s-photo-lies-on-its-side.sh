#!/usr/bin/env bash
# Baileys 7.0.0-rc14 with sharp 0.35.5: an upright photo of a phone becomes a profile picture that lies on its side, and is sent with the wrong width and height.
# Guess: phones store upright photos lying, with an orientation that says how to turn them; who shrinks and re-encodes a photo turns it first, since the note does not survive. Seen: the picture is
# shrunk as stored and the note dropped. The thumbnail lies too, and the width and height beside it are those of the stored picture: the bubble in the chat is wide, the photo in it upright.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --legacy-peer-deps baileys@7.0.0-rc14 sharp@0.35.5
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { extractImageThumb, generateProfilePicture } from 'baileys'
import sharp from 'sharp'

const plain = (width, height, background) => ({ create: { width, height, channels: 3, background } })
const upright = await sharp(plain(300, 400, 'blue')).composite([{ input: plain(300, 200, 'red'), top: 0, left: 0 }]).png().toBuffer()
const photo = await sharp(upright).rotate(-90).withMetadata({ orientation: 6 }).jpeg().toBuffer() // red sky, blue sea, as a phone stores it
const turned = await sharp(photo).rotate().raw().toBuffer({ resolveWithObject: true })
assert.deepEqual([turned.info.width, turned.info.height, turned.data[0] > 200], [300, 400, true])

const redSide = async (image) => {
  const { data, info } = await sharp(image).raw().toBuffer({ resolveWithObject: true })
  const isRed = (x, y) => data[(y * info.width + x) * info.channels] > 200
  const [right, low] = [info.width - 2, info.height - 2]
  return isRed(1, 1) && isRed(right, 1) ? 'above' : isRed(1, 1) && isRed(1, low) ? 'on the left' : 'elsewhere'
}
const { img } = await generateProfilePicture(photo)
const { buffer, original } = await extractImageThumb(photo)
console.log('the sky is', await redSide(img), 'in the profile picture,', await redSide(buffer), 'in the thumbnail; size told:', original)
for (const image of [img, buffer]) {
  assert.equal(await redSide(image), 'on the left')
  assert.equal((await sharp(image).metadata()).orientation, undefined)
}
assert.deepEqual(original, { width: 400, height: 300 })
JAVASCRIPT
node finding.mjs
