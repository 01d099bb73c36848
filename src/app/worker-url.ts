/** Where the scrape worker's code is: beside the source in a checkout, beside the bundle in an image. */
export const SCRAPE_WORKER_URL: URL = import.meta.url.endsWith('.ts')
  ? new URL('../scrape/worker.ts', import.meta.url)
  : new URL('./scrape-worker.js', import.meta.url);
