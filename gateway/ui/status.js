// The status page: asks /api/summary every two seconds and shows it. Text goes into the page as text, never as markup.
"use strict";

const interval = 2000;
const sections = new Map(); // by name of the system

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}

function when(seconds) {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
}

function cell(content, className = "") {
  const td = document.createElement("td");
  td.className = className;
  if (content instanceof Node) td.append(content); else td.textContent = content;
  return td;
}

function fill(block, rows, words) {
  const tbody = block.querySelector("tbody");
  tbody.replaceChildren(...rows.map((cells) => {
    const tr = document.createElement("tr");
    tr.append(...cells);
    return tr;
  }));
  block.querySelector("table").hidden = rows.length === 0;
  block.querySelector(".words").textContent = words;
}

function progressOf(pull) {
  const { bytes_done: done, bytes_total: total } = pull.progress;
  const box = document.createElement("div");
  if (total > 0) {
    const bar = document.createElement("progress");
    bar.max = total;
    bar.value = done;
    box.append(bar, ` ${size(done)} of ${size(total)}`);
  } else {
    box.textContent = pull.status_message || "";
  }
  return box;
}

// On a system of several platforms a pull is for one of them.
function named(pull) {
  return pull.platform ? `${pull.image} (${pull.platform})` : pull.image;
}

function showStorage(block, storage) {
  block.hidden = !storage;
  if (!storage) return;
  const other = Math.max(0, storage.size_bytes - storage.free_bytes - storage.image_bytes);
  const part = (bytes) => storage.size_bytes > 0 ? Math.min(100, 100 * bytes / storage.size_bytes) : 0;
  const images = block.querySelector(".images");
  images.setAttribute("width", part(storage.image_bytes));
  const rest = block.querySelector(".other");
  rest.setAttribute("x", part(storage.image_bytes));
  rest.setAttribute("width", part(other));
  block.querySelector(".words").textContent =
    `${storage.images} image files take ${size(storage.image_bytes)}; ` +
    `${size(storage.free_bytes)} of ${size(storage.size_bytes)} are free`;
}

function showImages(section, system) {
  const block = section.querySelector("div.images");
  const wanted = block.querySelector("input").value.trim().toLowerCase();
  const rows = [];
  for (const image of system.images)
    for (const tag of image.tags)
      if (tag.toLowerCase().includes(wanted))
        rows.push([cell(tag, "wide"), cell(image.id.slice(0, 10)), cell(size(image.size)), cell(image.platform),
          cell(when(image.last_pull))]);
  const more = system.public_images - system.images.length;
  fill(block, rows, system.public_images === 0 ? "no public image is here yet"
    : more > 0 ? `and ${more} more, pulled before these` : rows.length === 0 ? "no name holds that" : "");
}

function show(system) {
  let section = sections.get(system.name);
  if (!section) {
    section = document.getElementById("system").content.cloneNode(true).firstElementChild;
    section.querySelector("h2").textContent = system.name;
    section.querySelector("input").addEventListener("input", () => showImages(section, section.system));
    document.getElementById("systems").append(section);
    sections.set(system.name, section);
  }
  section.system = system;
  showStorage(section.querySelector(".storage"), system.storage);
  fill(section.querySelector(".queue"),
    system.queue.map((pull) =>
      [cell(named(pull)), cell(pull.status, "state"), cell(progressOf(pull), "wide"), cell(when(pull.created))]),
    system.unnamed_pulls > 0 ? `and ${system.unnamed_pulls} of images that are not known to be public`
      : system.queue.length === 0 ? "nobody waits for an image" : "");
  fill(section.querySelector(".failures"),
    system.failures.map((pull) => [cell(when(pull.time)), cell(pull.image ? named(pull) : "not known to be public"),
      cell(pull.status_message || "its requester knows", "wide bad")]),
    system.failures.length === 0 ? "no pull has failed lately" : "");
  showImages(section, system);
}

async function refresh() {
  const now = document.getElementById("now");
  try {
    const answer = await fetch("/api/summary", { cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const summary = await answer.json();
    summary.systems.forEach(show);
    now.textContent = `release ${summary.version}, as of ${when(summary.time)}`;
    now.className = "";
  } catch (error) {
    now.textContent = `the gateway does not answer (${error.message}); what is shown may be old`;
    now.className = "lost";
  }
  setTimeout(refresh, document.hidden ? 10 * interval : interval);
}

refresh();
