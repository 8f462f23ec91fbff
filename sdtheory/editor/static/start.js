// Starts the editor in the page that the server sends.

import { render } from "./editor.js";

render({ el: /** @type {HTMLElement} */ (document.getElementById("editor")) });
