import { renderToString } from "vue/server-renderer";
import { shop } from "./shop.js";

export const html = await renderToString(shop());
