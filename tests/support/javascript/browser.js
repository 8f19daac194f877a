// Uploads two files with a browser that runs: browser.js PORT PAGE MANNER FIRST SECOND.
//
// PORT is that of its remote debugging, PAGE the address of pages/upload.html, MANNER a button of
// it. Prints what the user is shown. Exits 0 when that is an answer of status 2xx.
"use strict";
const {chromium} = require("playwright-core");

const [port, address, manner, first, second] = process.argv.slice(2);
const patience = {timeout: 15000};

async function shown_by_form(page) {
    const [answer] = await Promise.all([
        page.waitForResponse((one) => one.request().method() === "POST", patience),
        page.waitForEvent("load", patience),
        page.click("#form"),
    ]);
    return `${answer.status()} ${await page.innerText("body")}`;
}

async function shown_by_script(page) {
    await page.click(`#${manner}`);
    await page.waitForFunction(() => document.querySelector("output").textContent, null, patience);
    return page.textContent("output");
}

async function upload() {
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, patience);
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(address, patience);
    await page.setInputFiles("[name=first]", first);
    await page.setInputFiles("[name=second]", second);
    const shown = await (manner === "form" ? shown_by_form(page) : shown_by_script(page));
    await context.close();
    return shown;
}

upload().then(
    (shown) => {
        console.log(shown);
        process.exit(/^2\d\d /.test(shown) ? 0 : 1);
    },
    (error) => {
        console.log(String(error));
        process.exit(2);
    });
