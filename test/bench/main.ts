// What the picker costs: npm run bench -- --help
import { errorMessage } from '../../src/lib/error-message.ts';
import { readBaseline, saveBaseline } from './baseline.ts';
import { type Figure, keyOf } from './harness.ts';
import { comparePickers } from './macro/compare.ts';
import { macroNames, measurePicker } from './macro/measure.ts';
import { CAN_MEASURE } from './macro/process-tree.ts';
import { MICRO_CASES } from './micro/cases.ts';
import { HELP, type Options, readOptions } from './options.ts';
import { profileMicro, profilePicker } from './profile/profile.ts';
import { rewriteReadme } from './readme.ts';
import { figureLine } from './table.ts';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return say(HELP);
  if (options.list) return say([...MICRO_CASES.map(({ name }) => name), ...macroNames(options)].join('\n'));
  if (options.profile !== undefined) return profile(options.profile, options);
  if (!CAN_MEASURE)
    say('CPU and memory of the picker are not measured: they are read from /proc, which only Linux has.');
  const only = new RegExp(options.only);
  const isWanted = (name: string): boolean => only.test(name);
  const { quick, picker, compare } = options;
  const measured =
    compare === undefined
      ? { figures: await measure(options, isWanted), pairs: [] }
      : { figures: [], pairs: await comparePickers(picker, compare, { quick, isWanted }, say) };
  if (options.save) await rewriteReadme(await saveBaseline(measured));
}

async function measure(options: Options, isWanted: (name: string) => boolean): Promise<Figure[]> {
  const { figures: stored } = await readBaseline();
  const baseline = new Map(stored.map((figure) => [keyOf(figure), figure.value]));
  const figures: Figure[] = [];
  const report = (figure: Figure): void => {
    figures.push(figure);
    say(figureLine(figure, baseline.get(keyOf(figure))));
  };
  for (const { name, run } of MICRO_CASES.filter((each) => isWanted(each.name))) {
    for await (const figure of run(options)) report({ name, ...figure });
  }
  await measurePicker(options.picker, { quick: options.quick, isWanted }, report);
  return figures;
}

async function profile(name: string, options: Options): Promise<void> {
  const micro = MICRO_CASES.find((each) => each.name === name);
  if (micro === undefined) return profilePicker(options.picker, name, options, say);
  return profileMicro(micro, options, say);
}

// `npm run bench | head`
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${errorMessage(error)}\n`);
  process.exitCode = 1;
});
