import { startTestPicker } from '../kit/picker.ts';
import type { StartRigPicker } from './rig.ts';

/** The picker as `pointsman serve` runs it, with its pool in a file; resolves when it has scraped every endpoint. */
export const startRealPicker: StartRigPicker = async (ports, secure) => {
  const picker = await startTestPicker(ports, { secure });
  await picker.scraped();
  return picker;
};
