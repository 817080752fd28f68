// Validates an AsyncAPI document with the AsyncAPI project's own parser: node check.mjs <file>
// Errors and warnings fail; hints (a newer specification exists) are told only.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const SEVERITIES = ["error", "warning", "information", "hint"];
const WARNING = 1;

const file = process.argv[2];
if (file === undefined) {
  console.error("usage: node check.mjs <file>");
  process.exit(2);
}

const { document, diagnostics } = await new Parser().parse(await readFile(file, "utf8"), { source: file });
for (const { severity, path, message, range } of diagnostics) {
  console.error(`${SEVERITIES[severity]} line ${range.start.line + 1} ${path.join(".")}: ${message}`);
}
const failed = document === undefined || diagnostics.some(({ severity }) => severity <= WARNING);
if (!failed) {
  const count = (items) => items.all().length;
  console.log(
    `valid: ${count(document.channels())} channels, ${count(document.operations())} operations, ` +
      `${count(document.components().messages())} messages`,
  );
}
process.exit(failed ? 1 : 0);
