import { render } from "svelte/server";
import Shelf from "./Shelf.svelte";

export const html = render(Shelf).body;
