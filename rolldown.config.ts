import { defineConfig } from 'rolldown';

// One file for the program and one for the scrape worker, dependencies included: the image needs no node_modules.
export default defineConfig({
  input: { pointsman: 'src/main.ts', 'scrape-worker': 'src/scrape/worker.ts' },
  platform: 'node',
  output: { dir: 'dist', format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name].js', sourcemap: true },
});
