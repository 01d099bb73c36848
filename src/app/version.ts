import packageJson from '../../package.json' with { type: 'json' };

export const VERSION: string = packageJson.version;
/** Set by the image build; a checkout does not know it. */
export const COMMIT: string = process.env.POINTSMAN_COMMIT ?? 'unknown';
