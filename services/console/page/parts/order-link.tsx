/** A link to an order, named by the end of its id. */
import { endOf } from "./copied.tsx"

export const OrderLink = ({ id }: { readonly id: string }) => (
  <a href={`/console/orders/${id}`} title={id}>
    <span class="hidden">Order</span> <code>{endOf(id)}</code>
  </a>
)
