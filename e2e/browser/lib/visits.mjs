// The demo and a browser for the tests of one file, and pages of which all is recorded that they ask for and log.
import { after, before } from 'node:test';

import { launchBrowser, newPage } from './browser.mjs';
import { startDemo } from './demo.mjs';

/** Starts both before the file's tests and ends them afterwards. Its members may be used inside of tests. */
export function visits() {
  let demo, browser;
  before(async () => {
    demo = await startDemo();
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await demo?.stop();
  });
  return {
    /** A URL of the load balancer, or of another of the demo's ports. */
    url: (path, port = 'ALB_PORT') => `http://127.0.0.1:${demo[port]}${path}`,

    /** Opens the URL in a page of its own. `errors` are the page's, `messages` also everything else that is logged. */
    async open(url, options) {
      const page = await newPage(browser, options);
      const [requests, errors, messages] = [[], [], []];
      page.on('request', (request) => requests.push(request.url()));
      page.on('console', (message) => {
        messages.push(message.text());
        if (message.type() === 'error') errors.push(message.text());
      });
      page.on('pageerror', (error) => {
        messages.push(error.message);
        errors.push(error.message);
      });
      const response = await page.goto(url);
      return { page, response, requests, errors, messages };
    },
  };
}
