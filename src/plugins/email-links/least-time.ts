/**
 * Milliseconds every answer takes that does not wait for a password hash, and must not tell who has an account. What is done
 * meanwhile differs by less than a tenth of a millisecond, but 200 samples in the same data centre tell even that (SEC-15, SEC-16).
 */
export const LEAST = 50;
