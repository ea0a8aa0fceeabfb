// Saves clicks on pages that work without it: filters submit themselves, uploads show how far they are.
"use strict";

for (const form of document.querySelectorAll("form[data-autosubmit]")) {
  const button = form.querySelector("button");
  if (button && !form.querySelector("input[type=search]")) button.hidden = true;
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
  });
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const button = form.querySelector("button");
  const box = form.querySelector(".progress");
  const bar = box.querySelector("progress");
  const words = box.querySelector("span");

  const show = (text, done, total) => {
    box.hidden = false;
    words.textContent = text;
    if (total > 0) { bar.max = total; bar.value = Math.min(done, total); } else { bar.removeAttribute("value"); }
  };
  const fail = (problem) => {
    button.disabled = false;
    const text = problem && problem.what ? [problem.what, problem.hint].filter(Boolean).join(". ") : "The server could not be reached. Try again";
    show(text + ".", 0, 1);
  };
  const poll = async (id) => {
    try {
      const answer = await fetch(form.dataset.status + encodeURIComponent(id), { headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (!answer.ok) return fail(found.error);
      if (found.status === "done" || found.status === "failed") return location.assign(form.dataset.page + encodeURIComponent(id));
      const progress = found.progress;
      if (progress) show(`Importing: ${progress.phase}, ${progress.records.toLocaleString("en")} records`, progress.bytes_done, progress.bytes_total);
      else show("Waiting for its turn", 0, 0);
    } catch { show("The server does not answer, asking again", 0, 0); }
    setTimeout(poll, 500, id);
  };
  const send = () => {
    if (!input.files.length) return;
    const request = new XMLHttpRequest();
    request.open("POST", form.dataset.action);
    request.responseType = "json";
    request.setRequestHeader("Prefer", "respond-async");
    request.setRequestHeader("Accept", "application/json");
    const csrf = document.querySelector("meta[name=csrf]");
    if (csrf) request.setRequestHeader("X-CSRF-Token", csrf.content);
    request.upload.addEventListener("progress", (event) => show("Sending", event.loaded, event.total));
    request.addEventListener("error", () => fail(null));
    request.addEventListener("load", () => {
      const found = request.response;
      if (request.status >= 200 && request.status < 300 && found && found.id !== undefined) poll(found.id);
      else fail(found && found.error);
    });
    button.disabled = true;
    show("Sending", 0, 0);
    request.send(new FormData(form));
  };

  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  for (const name of ["dragenter", "dragover"]) form.addEventListener(name, (event) => { event.preventDefault(); form.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    send();
  });
}

// Lists that the server tells of: the part is fetched again when something changed, bars move in between.
for (const part of document.querySelectorAll("[data-live]")) {
  let last = null;
  const replace = async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-live]");
      const busy = part.contains(document.activeElement) && document.activeElement !== document.body;
      if (fresh && !busy) part.replaceChildren(...fresh.childNodes);
    } catch { /* The next event asks again. */ }
  };
  const move = (job) => {
    const bar = part.querySelector(`[data-job="${job.id}"] progress`);
    const words = part.querySelector(`[data-job="${job.id}"] span`);
    if (words && job.message) words.textContent = job.message;
    if (bar && job.total > 0) { bar.max = job.total; bar.value = Math.min(job.done, job.total); }
  };
  const listen = () => {
    const source = new EventSource(part.dataset.live);
    source.addEventListener("jobs", (event) => {
      const told = JSON.parse(event.data);
      if (last !== null && last !== told.state) replace();
      last = told.state;
      told.running.forEach(move);
    });
    // The server ends, because nobody wants anything of it: it is left alone until somebody comes back to the page.
    source.addEventListener("asleep", () => {
      source.close();
      addEventListener("focus", listen, { once: true });
    });
    addEventListener("pagehide", () => source.close());
  };
  listen();
}
