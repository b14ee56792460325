"use strict";
// What is served, read anew every two seconds. Text from the server is only ever set as text.

const EVERY_MS = 2000;
const KEY = "srlr-key";
const WHY = "on the dashboard";
const at = (id) => document.getElementById(id);
let last = ""; // the overview as it is drawn: what has not changed keeps its focus and its scroll

const make = (tag, said = {}, ...children) => {
  const own = ["svg", "rect", "polyline", "line"].includes(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(said)) {
    if (name === "on") own.addEventListener("click", value);
    else if (value !== false && value !== null) own.setAttribute(name, value === true ? "" : value);
  }
  own.append(...children.filter((child) => child !== null));
  return own;
};
const number = (value, digits = 0) =>
  value === null || value === undefined ? "–" : value.toFixed(digits);
const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);

async function call(path, body) {
  const headers = { "Content-Type": "application/json" };
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  const method = body === undefined ? "GET" : "POST";
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const said = await response.json().catch(() => ({}));
  if (response.ok) return said;
  const error = new Error((said.error && said.error.message) || `the gateway answered ${response.status}`);
  error.status = response.status;
  throw error;
}

function tell(text, lost = false) {
  at("status").textContent = text;
  at("status").className = lost ? "lost" : "";
}

// -- asking before anything is done --------------------------------------------------------------

function ask(question, meaning, ways, act) {
  at("question").textContent = question;
  at("meaning").textContent = meaning;
  at("ways").hidden = !ways;
  const dialog = at("sure");
  dialog.returnValue = "no";
  dialog.onclose = async () => {
    if (dialog.returnValue !== "yes") return;
    try {
      await act(dialog.querySelector("input[name=way]:checked").value);
      await draw();
    } catch (error) {
      tell(error.message, true);
    }
  };
  dialog.showModal();
}

const swapTo = (role, version) =>
  ask(`Swap ${role} to ${version}?`, "It is loaded, warmed and verified before it gets any traffic; the version that serves now goes on until then.", true,
    (way) => call(`../admin/swap/${role}`, { to: version, settings: { strategy: way }, why: WHY }));
const backFrom = (role, swap) =>
  ask(`Roll ${role.role} back to ${swap.old}?`, `The swap to ${swap.new} ends; all traffic goes to ${swap.old}.`, false,
    () => call(`../admin/swap/${role.role}/abort`, { why: WHY }));
const back = (role, version) =>
  ask(`Roll ${role} back to ${version}?`, "It serves again at once, and becomes the release that is current.", false,
    () => call(`../admin/swap/${role}/rollback`, { why: WHY }));
const promote = (role, version) =>
  ask(`Make ${version} the current release of ${role}?`, "What is current now becomes the backup. Traffic follows, by the swap that is set.", false,
    () => call(`../admin/promote/${role}`, { version, why: WHY }));

// -- drawing -------------------------------------------------------------------------------------

function button(text, label, may, act) {
  return make("button", { type: "button", "aria-label": label, "data-focus": label, disabled: !may, on: act }, text);
}

function share(percentage) {
  const bar = make("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    make("rect", { class: "all", width: 100, height: 10, rx: 2 }),
    make("rect", { class: "part", width: percentage, height: 10, rx: 2 }));
  return make("div", { class: "share" }, bar, `${percentage} %`);
}

function row(role, one, you) {
  const serves = one.share === 100;
  const current = one.aliases.includes("current");
  const actions = make("td", {},
    button("Swap to it", `Swap ${role.role} to ${one.version}`, you.swap && !serves && !role.swap, () => swapTo(role.role, one.version)), " ",
    button("Promote", `Promote ${one.version} of ${role.role}`, you.deploy && !current, () => promote(role.role, one.version)));
  return make("tr", {},
    make("th", { scope: "row" }, one.version, ...one.aliases.map((alias) => make("span", { class: "alias" }, alias))),
    make("td", {}, share(one.share)),
    make("td", {}, one.state),
    make("td", { class: "n" }, number(one.requests_per_s, 1)),
    make("td", { class: "n" }, number(one.p50_ms)),
    make("td", { class: "n" }, number(one.p95_ms)),
    make("td", { class: "n" }, percent(one.errors)),
    make("td", { class: "n" }, String(one.violations)),
    actions);
}

function plot(title, unit, values, digits) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(...known, 0) || 1;
  const step = 200 / Math.max(1, values.length - 1);
  const points = values.map((value, place) => (value === null ? null : `${(place * step).toFixed(1)},${(38 - (36 * value) / top).toFixed(1)}`));
  const now = known.length ? number(known[known.length - 1], digits) : "–";
  const most = known.length ? number(Math.max(...known), digits) : "–";
  const words = `${title}: ${now} ${unit} now, ${most} at most in ten minutes`;
  return make("figure", {},
    make("svg", { viewBox: "0 0 200 40", preserveAspectRatio: "none", role: "img", "aria-label": words },
      make("line", { class: "base", x1: 0, x2: 200, y1: 38, y2: 38 }),
      make("polyline", { class: "line", points: points.filter((point) => point !== null).join(" ") })),
    make("figcaption", {}, make("b", {}, `${title} ${now}`), ` ${unit}, at most ${most}`));
}

function swapping(role, you) {
  const swap = role.swap;
  if (!swap) return null;
  const steps = swap.steps.map((size, place) =>
    make("li", { class: place < swap.step ? "past" : place === swap.step ? "now" : "", "aria-current": place === swap.step ? "step" : null }, `${size} %`));
  return make("div", { class: "swap" },
    make("b", {}, `${swap.old || "nothing"} → ${swap.new}, ${swap.strategy}: ${swap.state}`),
    make("ol", { "aria-label": "steps" }, ...steps),
    make("p", {}, swap.reason || "no decision yet"),
    button("Roll back", `Roll back the swap of ${role.role}`, you.swap, () => backFrom(role.role, swap)));
}

function card(role, you) {
  const heading = ["version", "traffic", "state", "requests/s", "P50 ms", "P95 ms", "errors", "violations", ""];
  const history = role.history;
  const id = `role-${role.role}`;
  return make("article", { "aria-labelledby": id },
    make("div", { class: "head" },
      make("h2", { id }, role.role),
      make("span", { class: `state ${role.state}` }, role.state),
      make("span", { class: "why" }, role.why),
      role.back && !role.swap ? button(`Roll back to ${role.back}`, `Roll ${role.role} back to ${role.back}`, you.swap, () => back(role.role, role.back)) : null),
    swapping(role, you),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `versions of ${role.role}` },
      make("table", {},
        make("thead", {}, make("tr", {}, ...heading.map((text, place) => text ? make("th", { scope: "col", class: place > 2 ? "n" : null }, text) : make("td", {})))),
        make("tbody", {}, ...role.versions.map((one) => row(role, one, you))))),
    make("div", { class: "plots" },
      plot("Requests", "a second", history.requests_per_s, 1),
      plot("P95", "ms", history.p95_ms, 0),
      plot("Errors", "% of requests", history.errors.map((value) => (value === null ? null : 100 * value)), 1),
      plot("Violations", "in five seconds", history.violations, 0)));
}

function decision(one) {
  return make("tr", {}, make("td", {}, one.at.slice(0, 19).replace("T", " ")), make("td", {}, one.kind), make("td", {}, one.by), make("td", {}, one.why));
}

async function draw() {
  let overview;
  try {
    overview = await call("../admin/overview");
  } catch (error) {
    const locked = error.status === 401 || error.status === 403;
    if (locked) sessionStorage.removeItem(KEY);
    at("door").hidden = !locked;
    at("roles").hidden = at("record").hidden = locked;
    tell(locked ? "A key is needed." : `No answer from the gateway: ${error.message}`, !locked);
    return;
  }
  at("door").hidden = true;
  at("roles").hidden = at("record").hidden = false;
  tell(`As of ${new Date().toLocaleTimeString()}, from ${overview.gateway}`);
  const text = JSON.stringify(overview);
  if (text === last) return;
  last = text;
  const focused = document.activeElement && document.activeElement.getAttribute("data-focus");
  const cards = overview.roles.map((role) => card(role, overview.you));
  at("roles").replaceChildren(...(cards.length ? cards : [make("p", {}, "Nothing is served. srlr deploy publishes a release.")]));
  at("decisions").replaceChildren(...overview.decisions.map(decision));
  at("chain").textContent = overview.audit;
  if (focused) [...document.querySelectorAll("[data-focus]")].find((one) => one.getAttribute("data-focus") === focused)?.focus();
}

at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, at("key").value);
  at("key").value = "";
  draw();
});
draw();
setInterval(() => {
  if (!document.hidden && !at("sure").open) draw();
}, EVERY_MS);
