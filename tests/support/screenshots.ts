/** Where pictures of the pages go; undefined: nobody wants any. */
export const screenshotFolder = (): string | undefined => process.env['TEST_SCREENSHOTS'];
