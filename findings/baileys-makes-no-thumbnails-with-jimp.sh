#!/usr/bin/env bash
# Baileys 7.0.0-rc14 with jimp 1.6.1, one of the two libraries for pictures that it names: profile pictures are made, thumbnails never.
# Guess: whichever of sharp and jimp is installed, pictures are handled, and alike. Seen: one function looks for a jimp that is a 'function', which it is, the other for one that is an 'object': it raises
# "No image processing library available" with jimp in its hands, and every picture leaves without a thumbnail (sending swallows the error). And jimp's profile picture is the left or upper edge of the
# photo, sharp's (0.35.5) its middle: the person in the middle of a wide photo is on it or not by what is installed. Where peers are not installed by themselves (yarn, --legacy-peer-deps) jimp stands alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --legacy-peer-deps baileys@7.0.0-rc14 jimp@1.6.1
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { extractImageThumb, generateProfilePicture } from 'baileys'
import { Jimp } from 'jimp'

const wide = new Jimp({ width: 400, height: 100, color: 0xff0000ff })
wide.composite(new Jimp({ width: 100, height: 100, color: 0x0000ffff }), 150, 0) // red, blue in the middle
const photo = await wide.getBuffer('image/png')
const { img } = await generateProfilePicture(photo)
const picture = await Jimp.read(img)
const middle = picture.getPixelColor(320, 320) >>> 0
const color = middle >>> 24 > 200 ? 'red, the edge' : 'blue, the middle'
const thumbnail = await extractImageThumb(photo).then(() => 'made', (error) => error.message)
console.log(process.argv[2], '- the profile picture shows', color, '- thumbnail:', thumbnail)
assert.equal(color, process.argv[2] === 'jimp' ? 'red, the edge' : 'blue, the middle')
assert.equal(thumbnail, process.argv[2] === 'jimp' ? 'No image processing library available' : 'made')
JAVASCRIPT
node finding.mjs jimp
npm install --silent --no-audit --no-fund --legacy-peer-deps sharp@0.35.5
node finding.mjs sharp
