// Writes the message code: `node protos/generate.mjs [folder]`, by default into src/protos/generated.
// Two runs of pbjs, because the declarations come out of comments that the code is better off without.
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pbjs from 'protobufjs-cli/pbjs.js';

const here = import.meta.dirname;
const target = process.argv[2] ?? join(here, '../src/protos/generated');
const sources = globSync('**/*.proto', { cwd: here }).sort();

const run = promisify(pbjs.main);
const options = `--target static-module --wrap esm --root pointsman --dependency protobufjs/minimal.js --force-number
  --no-verify --no-convert --no-delimited --no-typeurl --no-service --no-create --path`
  .split(/\s+/)
  .concat(here);

mkdirSync(target, { recursive: true });
const code = join(target, 'messages.js');
const declarations = join(target, 'messages.d.ts');

await run([...options, '--dts', '--out', code, ...sources]);
const typed = readFileSync(declarations, 'utf8');
// No message has a 64-bit field, so nothing needs the long package.
writeFileSync(declarations, typed.replace(/^import Long = .*\n/m, ''));
await run([...options, '--no-comments', '--out', code, ...sources]);
