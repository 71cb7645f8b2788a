import { defineConfig } from "vite";

export default defineConfig({
  esbuild: { jsx: "automatic" },
  server: {
    port: 5173,
    strictPort: true,
    // The kit's endpoints and the API: everything that the server answers.
    proxy: {
      "^/(login|callback|logout|logged-out|session|api)(/|\\?|$)":
        "http://localhost:3000",
    },
  },
});
