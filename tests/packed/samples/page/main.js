import { live } from "./live.js";

live().then((told) => (document.title = told), (error) => (document.title = `${error.code}: ${error.message}`));
