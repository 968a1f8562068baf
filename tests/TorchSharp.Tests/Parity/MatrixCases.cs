using TorchSharp;

namespace Fewshot.TorchSharp.Parity;

internal sealed class MatrixCases : ParityTable
{
    public MatrixCases()
    {
        Add("mm", "torch.mm(a, b)", () => [Normal(4, 6), Normal(6, 5)], t => torch.mm(t[0], t[1]));
        Add("bmm", "torch.bmm(a, b)", () => [Normal(3, 4, 6), Normal(3, 6, 5)], t => torch.bmm(t[0], t[1]));
        Add("matmul", "a @ b", () => [Normal(2, 1, 4, 6), Normal(3, 6, 5)], t => torch.matmul(t[0], t[1]));
        Add("addmm", "torch.addmm(a, b, c, beta=0.5, alpha=2)", () => [Normal(5), Normal(4, 6), Normal(6, 5)], t => torch.addmm(t[0], t[1], t[2], 0.5f, 2f));
        Add("outer", "torch.outer(a, b)", () => [Normal(4), Normal(5)], t => t[0].outer(t[1]));
        Add("dot", "torch.dot(a, b)", () => [Normal(5), Positive(5)], t => t[0].dot(t[1]));
        Add("einsum", "torch.einsum('bhid,bhjd->bhij', a, b)", () => [Normal(2, 3, 4, 5), Normal(2, 3, 6, 5)], t => torch.einsum("bhid,bhjd->bhij", t[0], t[1]));
        Add("linear", "F.linear(a, b, c)", () => [Normal(2, 3, 6), Normal(5, 6), Normal(5)], t => torch.nn.functional.linear(t[0], t[1], t[2]));
        Add("linear without bias", "F.linear(a, b)", () => [Normal(3, 6), Normal(5, 6)], t => torch.nn.functional.linear(t[0], t[1]));

        Func<torch.Tensor[]> square = () => [Normal(4, 4).to(torch.float64), Normal(4, 3).to(torch.float64)];
        Add("solve", "torch.linalg.solve(a + 4 * torch.eye(4), b)", square, t => torch.linalg.solve(t[0] + torch.eye(4) * 4, t[1]), 1e-10);
        Add("inverse", "torch.linalg.inv(a + 4 * torch.eye(4))", square, t => torch.linalg.inv(t[0] + torch.eye(4) * 4), 1e-10);
        Add("cholesky", "torch.linalg.cholesky(a @ a.t() + torch.eye(4))", square, t => torch.linalg.cholesky(t[0].mm(t[0].t()) + torch.eye(4)), 1e-10);
        Add("singular values", "torch.linalg.svd(a, full_matrices=False)[1]", square, t => torch.linalg.svd(t[0], false).S, 1e-10);
    }
}
