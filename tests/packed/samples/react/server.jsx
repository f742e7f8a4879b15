import { StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { Shop } from "./shelf.jsx";

export const html = renderToString(<StrictMode><Shop /></StrictMode>);
