// Jest cannot require() ES modules before Node 24.9, so these are made CommonJS.
module.exports = {
  transform: {
    "\\.js$": ["@swc/jest", { module: { type: "commonjs" } }],
  },
  transformIgnorePatterns: [
    "/node_modules/(?!(express-login-kit|openid-client|oauth4webapi|jose)/)",
  ],
};
