import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // What the page may know of the environment: where the service is, and no token.
  envPrefix: 'FLOWFI_URL',
});
