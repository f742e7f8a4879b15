import { StrictMode } from "react";
import { hydrateRoot } from "react-dom/client";
import { shared } from "brooklet/shared";
import { Shop } from "./shelf.jsx";

hydrateRoot(document.querySelector("main"), <StrictMode><Shop /></StrictMode>);
window.learner = () => shared({ store: null });
