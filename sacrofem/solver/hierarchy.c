/* Smoothed aggregation on block-sparse matrices: strength of couplings, aggregates, prolongation, Galerkin's product.

   Rows belong to this rank; columns below `rows` too, the others are ghosts. Coarse blocks have M = 6 columns, the rigid motions;
   R is 3 on the finest level and 6 below. A block is stored row by row. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define M 6

/* squares[j] = sum of the squares of block j. */
void measure_blocks(const int64_t blocks, const int size, const double *restrict data, double *restrict squares)
{
    for (int64_t j = 0; j < blocks; ++j) {
        double sum = 0;
        for (int n = 0; n < size; ++n)
            sum += data[j * size + n] * data[j * size + n];
        squares[j] = sum;
    }
}

/* Inverses of symmetric positive definite blocks, in place, by Gauss and Jordan. */
void invert_blocks(const int64_t blocks, const int size, double *restrict data)
{
    for (int64_t n = 0; n < blocks; ++n) {
        double *a = data + n * size * size;
        for (int k = 0; k < size; ++k) {
            const double pivot = 1.0 / a[k * size + k];
            a[k * size + k] = 1.0;
            for (int c = 0; c < size; ++c)
                a[k * size + c] *= pivot;
            for (int r = 0; r < size; ++r) {
                if (r == k)
                    continue;
                const double factor = a[r * size + k];
                a[r * size + k] = 0.0;
                for (int c = 0; c < size; ++c)
                    a[r * size + c] -= factor * a[k * size + c];
            }
        }
    }
}

/* Greedy aggregation, by couplings between rows of this rank. weight[j] is the strength of coupling j; a coupling is strong from `threshold` on. Isolated rows (no coupling above `least`) stay outside: -1.
   Returns the number of aggregates. */
#define BOUND(j, threshold) (indices[j] != i && indices[j] < rows && weight[j] >= (threshold))
int32_t aggregate(const int32_t rows, const int32_t *restrict indptr, const int32_t *restrict indices,
                  const float *restrict weight, const float threshold, const float least, const int32_t smallest,
                  int32_t *restrict group)
{
    int32_t count = 0;
    int32_t *size = malloc(((size_t)rows + 1) * sizeof(int32_t));
    for (int32_t i = 0; i < rows; ++i)
        group[i] = -1;
    for (int32_t i = 0; i < rows; ++i) { /* roots whose strong neighbours are all free */
        int free_around = group[i] < 0, neighbours = 0;
        for (int32_t j = indptr[i]; free_around && j < indptr[i + 1]; ++j)
            if (BOUND(j, threshold)) {
                free_around = group[indices[j]] < 0;
                ++neighbours;
            }
        if (!free_around || !neighbours)
            continue;
        group[i] = count;
        size[count] = neighbours + 1;
        for (int32_t j = indptr[i]; j < indptr[i + 1]; ++j)
            if (BOUND(j, threshold))
                group[indices[j]] = count;
        ++count;
    }
    int32_t *joins = malloc((size_t)rows * sizeof(int32_t));
    for (int32_t i = 0; i < rows; ++i) { /* others join the aggregate that they are tied to most strongly */
        joins[i] = -1;
        if (group[i] >= 0)
            continue;
        float strongest = 0;
        for (int32_t j = indptr[i]; j < indptr[i + 1]; ++j)
            if (BOUND(j, threshold) && weight[j] > strongest && group[indices[j]] >= 0) {
                strongest = weight[j];
                joins[i] = group[indices[j]];
            }
    }
    for (int32_t i = 0; i < rows; ++i)
        if (joins[i] >= 0) {
            group[i] = joins[i];
            ++size[joins[i]];
        }
    free(joins);
    for (int32_t i = 0; i < rows; ++i) { /* what is left, with its free neighbours */
        if (group[i] >= 0)
            continue;
        float strongest = 0;
        for (int32_t j = indptr[i]; j < indptr[i + 1]; ++j)
            if (BOUND(j, strongest))
                strongest = weight[j];
        if (strongest < least)
            continue;
        group[i] = count;
        size[count] = 1;
        for (int32_t j = indptr[i]; j < indptr[i + 1]; ++j)
            if (BOUND(j, threshold) && group[indices[j]] < 0) {
                group[indices[j]] = count;
                ++size[count];
            }
        ++count;
    }
    /* Too few nodes cannot hold six motions: they join the neighbour that they are tied to most strongly. */
    int32_t *other = malloc(((size_t)count + 1) * sizeof(int32_t));
    float *tie = calloc((size_t)count + 1, sizeof(float));
    for (int32_t k = 0; k < count; ++k)
        other[k] = -1;
    for (int32_t i = 0; i < rows; ++i) {
        const int32_t own = group[i];
        if (own < 0 || size[own] >= smallest)
            continue;
        for (int32_t j = indptr[i]; j < indptr[i + 1]; ++j) {
            if (!BOUND(j, least))
                continue;
            const int32_t there = group[indices[j]];
            if (there >= 0 && there != own && weight[j] > tie[own]) {
                tie[own] = weight[j];
                other[own] = there;
            }
        }
    }
    for (int32_t k = 0; k < count; ++k) {
        int32_t to = other[k];
        if (to < 0 || size[k] >= smallest)
            continue;
        while (other[to] == -2) /* merged before: -3 - target is kept in size */
            to = -size[to] - 3;
        if (to == k)
            continue;
        size[to] += size[k];
        size[k] = -to - 3;
        other[k] = -2;
    }
    int32_t *number = malloc(((size_t)count + 1) * sizeof(int32_t)), left = 0;
    for (int32_t k = 0; k < count; ++k)
        if (other[k] != -2)
            number[k] = left++;
    for (int32_t i = 0; i < rows; ++i) {
        int32_t k = group[i];
        if (k < 0)
            continue;
        while (other[k] == -2)
            k = -size[k] - 3;
        group[i] = number[k];
    }
    free(size), free(other), free(tie), free(number);
    return left;
}

/* Orthonormal columns of the near-nullspace in every aggregate: near (rows * R, M) becomes tentative (rows, R, M), coarse
   (count * M, M) the factor. Columns that depend on those before are zero. */
void orthonormalise(const int32_t rows, const int R, const int32_t count, const int32_t *restrict group,
                    const double *restrict near, double *restrict tentative, double *restrict coarse)
{
    int32_t *start = calloc((size_t)count + 2, sizeof(int32_t)), *member = malloc(((size_t)rows + 1) * sizeof(int32_t));
    for (int32_t i = 0; i < rows; ++i)
        if (group[i] >= 0)
            ++start[group[i] + 2];
    for (int32_t k = 0; k < count; ++k)
        start[k + 2] += start[k + 1];
    for (int32_t i = 0; i < rows; ++i)
        if (group[i] >= 0)
            member[start[group[i] + 1]++] = i;
    const int size = R * M;
    memset(tentative, 0, (size_t)rows * size * sizeof(double));
    memset(coarse, 0, (size_t)count * M * M * sizeof(double));
    for (int32_t k = 0; k < count; ++k) {
        double *factor = coarse + (size_t)k * M * M;
        for (int32_t n = start[k]; n < start[k + 1]; ++n)
            memcpy(tentative + (size_t)member[n] * size, near + (size_t)member[n] * size, size * sizeof(double));
        for (int c = 0; c < M; ++c) {
            double first = 0;
            for (int turn = 0; turn < 2; ++turn) { /* twice is enough for orthogonality */
                for (int d = 0; d < c; ++d) {
                    double product = 0;
                    for (int32_t n = start[k]; n < start[k + 1]; ++n) {
                        const double *q = tentative + (size_t)member[n] * size;
                        for (int r = 0; r < R; ++r)
                            product += q[r * M + c] * q[r * M + d];
                    }
                    factor[d * M + c] += product;
                    for (int32_t n = start[k]; n < start[k + 1]; ++n) {
                        double *q = tentative + (size_t)member[n] * size;
                        for (int r = 0; r < R; ++r)
                            q[r * M + c] -= product * q[r * M + d];
                    }
                }
                double square = 0;
                for (int32_t n = start[k]; n < start[k + 1]; ++n) {
                    const double *q = tentative + (size_t)member[n] * size;
                    for (int r = 0; r < R; ++r)
                        square += q[r * M + c] * q[r * M + c];
                }
                if (turn == 0) {
                    for (int d = 0; d < c; ++d)
                        first += factor[d * M + c] * factor[d * M + c];
                    first += square;
                } else {
                    const int kept = square > 1e-10 * first;
                    const double length = kept ? sqrt(square) : 0.0, scale = kept ? 1.0 / length : 0.0;
                    factor[c * M + c] = length;
                    for (int32_t n = start[k]; n < start[k + 1]; ++n) {
                        double *q = tentative + (size_t)member[n] * size;
                        for (int r = 0; r < R; ++r)
                            q[r * M + c] *= scale;
                    }
                }
            }
        }
    }
    free(start), free(member);
}

/* A row of six numbers as four and two: 4 to 12 % off the time of Galerkin's product against a loop over six. */
typedef double four __attribute__((vector_size(32), aligned(8), may_alias));
typedef double two __attribute__((vector_size(16), aligned(8), may_alias));

/* out (P, N) += left (P, Q) right (Q, N) */
INLINE void add_product(const int P, const int Q, const int N, const double *restrict left, const double *restrict right,
                        double *restrict out)
{
    if (N != M) {
        for (int p = 0; p < P; ++p)
            for (int q = 0; q < Q; ++q)
                for (int n = 0; n < N; ++n)
                    out[p * N + n] += left[p * Q + q] * right[q * N + n];
        return;
    }
    for (int p = 0; p < P; ++p) {
        four a = *(const four *)(out + p * M);
        two b = *(const two *)(out + p * M + 4);
        for (int q = 0; q < Q; ++q) {
            a += left[p * Q + q] * *(const four *)(right + q * M);
            b += left[p * Q + q] * *(const two *)(right + q * M + 4);
        }
        *(four *)(out + p * M) = a;
        *(two *)(out + p * M + 4) = b;
    }
}

/* out (Q, N) += left (P, Q)^T right (P, N) */
INLINE void add_transposed(const int P, const int Q, const int N, const double *restrict left, const double *restrict right,
                           double *restrict out)
{
    if (N != M) {
        for (int p = 0; p < P; ++p)
            for (int q = 0; q < Q; ++q)
                for (int n = 0; n < N; ++n)
                    out[q * N + n] += left[p * Q + q] * right[p * N + n];
        return;
    }
    for (int q = 0; q < Q; ++q) {
        four a = *(const four *)(out + q * M);
        two b = *(const two *)(out + q * M + 4);
        for (int p = 0; p < P; ++p) {
            a += left[p * Q + q] * *(const four *)(right + p * M);
            b += left[p * Q + q] * *(const two *)(right + p * M + 4);
        }
        *(four *)(out + q * M) = a;
        *(two *)(out + q * M + 4) = b;
    }
}

/* Rows of T - step D^-1 A T. Without `data`: only row lengths, to indptr_out[1:]. group, tentative and near hold ghosts too, group in
   a numbering of `columns` aggregates. A neighbour coupled by less than `threshold` is taken to move with the row's own aggregate,
   whose motions at the neighbour are near times the inverse of the aggregate's factor: rigid motions are kept, and the row does not
   reach into the neighbour's aggregate. */
INLINE void smooth_sized(const int R, const int32_t rows, const int32_t *restrict indptr, const int32_t *restrict indices,
                         const double *restrict data, const float *restrict weight, const float threshold,
                         const double *restrict inverse, const double step, const int32_t columns,
                         const int32_t *restrict group, const double *restrict tentative, const double *restrict near,
                         const double *restrict factor, int32_t *restrict indptr_out, int32_t *restrict indices_out, double *restrict data_out)
{
    const int size = R * M;
    int32_t *place = malloc(((size_t)columns + 1) * sizeof(int32_t));
    for (int32_t k = 0; k < columns; ++k)
        place[k] = -1;
    int32_t end = 0;
    for (int32_t i = 0; i < rows; ++i) {
        const int32_t begin = end;
        double scaled[M * M], carried[M * M];
        if (group[i] >= 0) {
            place[group[i]] = end;
            if (data) {
                indices_out[end] = group[i];
                memcpy(data_out + (int64_t)end * size, tentative + (int64_t)i * size, size * sizeof(double));
            }
            ++end;
        }
        for (int32_t j = indptr[i]; j < indptr[i + 1]; ++j) {
            const int weak = weight[j] < threshold || group[indices[j]] < 0;
            const int32_t k = weak ? group[i] : group[indices[j]];
            if (k < 0)
                continue;
            const double *moved = tentative + (int64_t)indices[j] * size;
            if (weak && data) {
                memset(carried, 0, size * sizeof(double));
                add_product(R, M, M, near + (int64_t)indices[j] * size, factor + (int64_t)k * M * M, carried);
                moved = carried;
            }
            if (place[k] < begin) {
                place[k] = end;
                if (data) {
                    indices_out[end] = k;
                    memset(data_out + (int64_t)end * size, 0, size * sizeof(double));
                }
                ++end;
            }
            if (!data)
                continue;
            memset(scaled, 0, R * R * sizeof(double));
            add_product(R, R, R, inverse + (int64_t)i * R * R, data + (int64_t)j * R * R, scaled);
            for (int n = 0; n < R * R; ++n)
                scaled[n] *= -step;
            add_product(R, R, M, scaled, moved, data_out + (int64_t)place[k] * size);
        }
        if (!data)
            indptr_out[i + 1] = end;
    }
    free(place);
}

int smooth(const int R, const int32_t rows, const int32_t *indptr, const int32_t *indices, const double *data,
           const float *weight, const float threshold, const double *inverse, const double step, const int32_t columns,
           const int32_t *group, const double *tentative, const double *near, const double *factor, int32_t *indptr_out,
           int32_t *indices_out, double *data_out)
{
#define SMOOTH_CASE(r) \
    if (R == r) { \
        smooth_sized(r, rows, indptr, indices, data, weight, threshold, inverse, step, columns, group, tentative, near, factor, \
                     indptr_out, indices_out, data_out); \
        return 0; \
    }
    SMOOTH_CASE(3)
    SMOOTH_CASE(6)
    return 1;
}

/* out (R, N) += left (R, R) right (R, N), where right is in single precision. */
INLINE void add_carried(const int R, const int N, const double *restrict left, const float *restrict right, double *restrict out)
{
    double wide[R * N];
    for (int n = 0; n < R * N; ++n)
        wide[n] = right[n];
    add_product(R, R, N, left, wide, out);
}

/* out (N, N) += left (R, N)^T right (R, N), where left is in single precision. */
INLINE void add_projected(const int R, const int N, const float *restrict left, const double *restrict right, double *restrict out)
{
    double wide[R * N];
    for (int n = 0; n < R * N; ++n)
        wide[n] = left[n];
    add_transposed(R, N, N, wide, right, out);
}

/* Columns of every row of the product of two patterns, ascending. Without `out`: only row lengths, to indptr_out[1:]. */
void multiply_patterns(const int32_t rows, const int32_t columns, const int32_t *restrict indptr_a,
                       const int32_t *restrict indices_a, const int32_t *restrict indptr_b, const int32_t *restrict indices_b,
                       int32_t *restrict indptr_out, int32_t *restrict out)
{
    int32_t *last = malloc(((size_t)columns + 1) * sizeof(int32_t));
    for (int32_t k = 0; k < columns; ++k)
        last[k] = -1;
    int32_t end = 0;
    for (int32_t i = 0; i < rows; ++i) {
        const int32_t begin = end;
        for (int32_t j = indptr_a[i]; j < indptr_a[i + 1]; ++j)
            for (int32_t l = indptr_b[indices_a[j]]; l < indptr_b[indices_a[j] + 1]; ++l) {
                const int32_t k = indices_b[l];
                if (last[k] == i)
                    continue;
                last[k] = i;
                if (out) {
                    int32_t to = end;
                    for (; to > begin && out[to - 1] > k; --to)
                        out[to] = out[to - 1];
                    out[to] = k;
                }
                ++end;
            }
        if (!out)
            indptr_out[i + 1] = end;
    }
    free(last);
}

/* C += P^T A P by rows of A; the patterns of A P and of C are known, with ascending columns. Rows of A P are made one by one and
   not kept. */
INLINE void galerkin_sized(const int R, const int N, const int32_t rows, const int32_t columns, const int32_t *restrict indptr_a,
                           const int32_t *restrict indices_a, const double *restrict a, const int32_t *restrict indptr_p,
                           const int32_t *restrict indices_p, const float *restrict p, const int32_t *restrict indptr_ap,
                           const int32_t *restrict indices_ap, const int32_t *restrict indptr_c,
                           const int32_t *restrict indices_c, double *restrict c)
{
    const int size = R * N;
    int32_t *slot = malloc(((size_t)columns + 1) * sizeof(int32_t)), widest = 0;
    for (int32_t i = 0; i < rows; ++i)
        widest = indptr_ap[i + 1] - indptr_ap[i] > widest ? indptr_ap[i + 1] - indptr_ap[i] : widest;
    double *row = malloc(((size_t)widest + 1) * size * sizeof(double));
    for (int32_t i = 0; i < rows; ++i) {
        const int32_t begin = indptr_ap[i], count = indptr_ap[i + 1] - begin;
        for (int32_t n = 0; n < count; ++n)
            slot[indices_ap[begin + n]] = n;
        memset(row, 0, (size_t)count * size * sizeof(double));
        for (int32_t j = indptr_a[i]; j < indptr_a[i + 1]; ++j)
            for (int32_t l = indptr_p[indices_a[j]]; l < indptr_p[indices_a[j] + 1]; ++l)
                add_carried(R, N, a + (int64_t)j * R * R, p + (int64_t)l * size, row + (size_t)slot[indices_p[l]] * size);
        for (int32_t l = indptr_p[i]; l < indptr_p[i + 1]; ++l) {
            int32_t at = indptr_c[indices_p[l]];
            for (int32_t n = 0; n < count; ++n) {
                while (indices_c[at] < indices_ap[begin + n])
                    ++at;
                add_projected(R, N, p + (int64_t)l * size, row + (size_t)n * size, c + (int64_t)at * N * N);
            }
        }
    }
    free(slot), free(row);
}

int galerkin(const int R, const int N, const int32_t rows, const int32_t columns, const int32_t *indptr_a, const int32_t *indices_a,
             const double *a, const int32_t *indptr_p, const int32_t *indices_p, const float *p, const int32_t *indptr_ap,
             const int32_t *indices_ap, const int32_t *indptr_c, const int32_t *indices_c, double *c)
{
#define GALERKIN_CASE(r, n) \
    if (R == r && N == n) { \
        galerkin_sized(r, n, rows, columns, indptr_a, indices_a, a, indptr_p, indices_p, p, indptr_ap, indices_ap, indptr_c, \
                       indices_c, c); \
        return 0; \
    }
    GALERKIN_CASE(3, 3)
    GALERKIN_CASE(3, 6)
    GALERKIN_CASE(6, 6)
    return 1;
}
