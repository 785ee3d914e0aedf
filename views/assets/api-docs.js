/** Starts Swagger UI on the page's part of the document. */
const main = document.querySelector('#document');

globalThis.SwaggerUIBundle({
  domNode: main,
  url: main.dataset.source,
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // Swagger UI would ask a server of its makers about the document.
  validatorUrl: null,
});
