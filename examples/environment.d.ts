/** The environment of the examples: each knows that its own variables are set. */
declare namespace NodeJS {
  interface ProcessEnv {
    OIDC_ISSUER: string;
    OIDC_CLIENT_ID: string;
    OIDC_CLIENT_SECRET: string;
    BASE_URL: string;
    SESSION_SECRET: string;
    ORDERS_URL: string;
    INVOICES_URL: string;
    STAFF_ISSUER: string;
    STAFF_CLIENT_ID: string;
    STAFF_CLIENT_SECRET: string;
    CUSTOMERS_ISSUER: string;
    CUSTOMERS_CLIENT_ID: string;
    CUSTOMERS_CLIENT_SECRET: string;
  }
}
