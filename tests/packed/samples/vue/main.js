import { shared } from "brooklet/shared";
import { shop } from "./shop.js";

shop().mount("main");
window.learner = () => shared({ store: null });
