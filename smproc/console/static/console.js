// The moving parts of the console: what has changed on the page, new lines of a log, files that are dropped.
// Without it, every page and every form works after a reload.
"use strict";

const token = document.querySelector('meta[name="csrf-token"]').content;
const offline = document.getElementById("offline");
const announcer = document.getElementById("announcer");

// Make one element like another, in place, so that focus, selection and scroll positions stay.
function morph(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const keyed = new Map([...old.children].filter((one) => one.dataset.key).map((one) => [one.dataset.key, one]));
  const wanted = [...fresh.childNodes];
  wanted.forEach((node, index) => {
    let present = old.childNodes[index];
    const known = keyed.get(node.dataset?.key);
    if (known && known !== present) {
      old.insertBefore(known, present ?? null);
      present = known;
    }
    if (!present) old.append(node);
    else if (present.nodeName !== node.nodeName || present.dataset?.key !== node.dataset?.key) {
      known ? morph(present, node) : node.dataset?.key ? old.insertBefore(node, present) : old.replaceChild(node, present);
    } else if (present.nodeType !== Node.ELEMENT_NODE) {
      if (present.data !== node.data) present.data = node.data;
    } else morph(present, node);
  });
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

function statuses(root) {
  return new Map([...root.querySelectorAll("[data-announce]")].map((one) => [one.dataset.announce, one.textContent.replace(/\s+/g, " ").trim()]));
}

let etag = "";
async function refreshPage() {
  const answer = await fetch(location.href, { cache: "no-store", headers: etag ? { "If-None-Match": etag } : {} });
  if (answer.status === 304) return;
  etag = answer.headers.get("ETag") ?? "";
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!!fresh.getElementById("problem") !== !!document.getElementById("problem")) {
    // The local AWS has been stopped, or started again; what is on the page may be gone.
    location.reload();
    return;
  }
  const before = statuses(document);
  for (const region of document.querySelectorAll("[data-live]")) {
    const counterpart = fresh.getElementById(region.id);
    if (counterpart && region.innerHTML !== counterpart.innerHTML) morph(region, counterpart);
  }
  const changed = [...statuses(document)].filter(([name, text]) => before.get(name) !== text);
  if (changed.length) announcer.textContent = changed.slice(0, 3).map(([name, text]) => `${name}: ${text}`).join(". ");
  document.body.dataset.poll = fresh.body.dataset.poll;
}

const log = document.getElementById("log");
const follow = document.getElementById("follow");
async function refreshLog() {
  if (!log) return;
  const answer = await fetch(`${log.dataset.log}?after=${log.dataset.lines}`, { cache: "no-store" });
  if (!answer.ok || answer.headers.get("X-Log-Lines") === log.dataset.lines) return;
  log.dataset.lines = answer.headers.get("X-Log-Lines");
  log.append(...new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("li"));
  while (log.children.length > Number(log.dataset.max)) log.firstElementChild.remove();
  showEnd();
}
function showEnd() {
  if (follow.checked) log.scrollTop = log.scrollHeight;
}
if (log) {
  showEnd();
  follow.addEventListener("change", showEnd);
  // Who scrolls up reads, and who scrolls to the end follows.
  const userScrolls = () => requestAnimationFrame(() => { follow.checked = log.scrollHeight - log.scrollTop - log.clientHeight < 24; });
  for (const kind of ["wheel", "keydown", "touchmove", "pointerup"]) log.addEventListener(kind, userScrolls, { passive: true });
}

// A hidden tab asks for nothing.
let timer = 0, failures = 0;
async function poll() {
  clearTimeout(timer);
  const pause = Number(document.body.dataset.poll);
  if (document.hidden || !pause) return;
  try {
    await Promise.all([refreshPage(), refreshLog()]);
    failures = 0;
  } catch {
    failures += 1;
  }
  offline.hidden = failures < 2;
  clearTimeout(timer);
  timer = setTimeout(poll, Math.min(Number(document.body.dataset.poll) * 2 ** failures, 15000));
}
document.addEventListener("visibilitychange", poll);
timer = setTimeout(poll, Number(document.body.dataset.poll));

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

const drop = document.getElementById("drop");
if (drop) {
  const transfers = document.getElementById("transfers");
  const limit = Number(drop.dataset.max);
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let queue = Promise.resolve();

  function upload(file) {
    const line = transfers.appendChild(document.createElement("li"));
    const say = (text, kind) => { line.textContent = `${file.name}: ${text}`; line.className = kind ?? ""; };
    if (file.size > limit) return say(`is too large; a file must have at most ${limit / 2 ** 20} MiB`, "bad");
    say("waits");
    queue = queue.then(() => send(file, say)).then(poll);
  }

  function send(file, say) {
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("POST", `${drop.getAttribute("action")}&name=${encodeURIComponent(file.name)}`);
      request.setRequestHeader("X-CSRF-Token", token);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("Accept", "application/json");
      request.responseType = "json";
      request.upload.addEventListener("progress", (event) => say(`${Math.round((100 * event.loaded) / (event.total || 1))} %`));
      request.addEventListener("load", () => request.status === 201 ? say("uploaded; its execution starts within some seconds", "good") : say(request.response?.error ?? `failed (${request.status})`, "bad"));
      request.addEventListener("error", () => say("was not uploaded; drop it again", "bad"));
      request.addEventListener("loadend", done);
      request.send(file);
    });
  }

  // The whole page takes files, so that one that misses the box does not replace the page.
  document.addEventListener("dragover", (event) => { if (carriesFiles(event)) { event.preventDefault(); drop.classList.add("over"); } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    drop.classList.remove("over");
    [...event.dataTransfer.files].forEach(upload);
  });
  drop.addEventListener("submit", (event) => {
    event.preventDefault();
    [...drop.file.files].forEach(upload);
    drop.file.value = "";
  });
}
