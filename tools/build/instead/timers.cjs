// In place of `worker-timers`, which lets timers run in a page that is in the background. Node has no such pages.
module.exports = { setInterval, clearInterval };
