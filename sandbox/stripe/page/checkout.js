// A pressed button says so, and can't be pressed twice.
for (const form of document.forms) {
  form.addEventListener("submit", (e) => {
    if (form.classList.contains("sent")) e.preventDefault();
    form.classList.add("sent");
  });
}
// A page brought back from the browser's history may be paid or expired by now.
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
