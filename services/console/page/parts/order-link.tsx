/** Leads to an order. Ids begin with the time, so it is their ends that tell them apart. */
import { endOf } from "./copied.tsx"

export const OrderLink = ({ id }: { readonly id: string }) => (
  <a href={`/console/orders/${id}`} title={id}>
    <span class="hidden">Order</span> <code>{endOf(id)}</code>
  </a>
)
