// A double click is one press: while the next page is on its way nothing is sent a second time. Without us the service refuses it.

const ONE_PRESS_MILLISECONDS = 1000; // then whoever presses again means it
let sent = -Infinity;

addEventListener("submit", (event) => {
  if (event.defaultPrevented) return; // a form that a script answers
  if (event.timeStamp - sent < ONE_PRESS_MILLISECONDS) event.preventDefault();
  else sent = event.timeStamp;
});
addEventListener("pageshow", () => (sent = -Infinity)); // back from the next page
