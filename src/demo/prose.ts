import type { Random } from '../core/random.ts';

const WORDS = `about above account action after again agent answer apply area ask available back balance before begin
best better book branch build business buy call care case change check city class clear client close code come common
company complete contact contract copy cost count country cover create customer data date day deal decide deliver
department describe detail develop different direct discount document early easy email end enter error example expect
explain fact family feature file find first follow form free friend full general give good group grow handle happen
help high history home hour house idea important include increase inform interest invoice issue item keep know language
large late learn leave letter level line list local long look lower machine main make manage market matter mean member
message method minute model money month morning move name need never new next note number offer office often open
option order other page paper part pass pay people period person phone place plan point polite policy possible price
problem process product project provide public question quick rate reach read ready reason receive record reduce refund
regular remember report request require result return review right road rule safe same save say school second section
see send service set share ship short show side sign simple small software solve sort source speak special staff start
state stay step stop store story street strong study subject support sure system table take talk team tell term test
text thank thing think ticket time today together topic total town track trade train travel true try turn type under
understand update use user usual value visit wait want week well whole word work world write year young`.split(/\s+/);

/** Words from a small vocabulary, in sentences, at least `chars` characters long. */
export function prose(random: Random, chars: number): string {
  let text = '';
  while (text.length < chars) {
    const words = 5 + random.below(10);
    const sentence = Array.from({ length: words }, () => WORDS[random.below(WORDS.length)]).join(' ');
    text += `${text === '' ? '' : ' '}${sentence[0].toUpperCase()}${sentence.slice(1)}.`;
  }
  return text;
}
