import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `vite dashboard` uses a control plane that is already running (`npm start -- --no-agent`). */
const CONTROL_PLANE = 'http://127.0.0.1:8787';

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: { target: 'es2022' },
  server: {
    proxy: {
      '/api': { target: CONTROL_PLANE },
      '/ws': { target: CONTROL_PLANE, ws: true },
    },
  },
});
