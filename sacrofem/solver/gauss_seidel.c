/* Block Gauss and Seidel on the lower half of a symmetric matrix, A = L + D + L^T: every block of L is read once a sweep, for the
   row it stands in and, transposed, for the row of its column. The matrix is in single precision, vectors are in double.

   Rows that are relaxed together (copies of a place) follow one another; their blocks of D and D^-1 begin at `starts`, one row's
   after the other's. L holds the columns ahead of a row's group. With one vector, x and what is left are kept with a stride of four
   numbers for nodes of three dofs and of eight for those of six, so that a node is one vector of the processor; the numbers
   behind a node's own are zero in x and anything in what is left. Arrays of blocks have room for one more vector at their end. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef double lanes_3 __attribute__((vector_size(32), aligned(8), may_alias));
typedef double lanes_6 __attribute__((vector_size(64), aligned(8), may_alias));
typedef float numbers_3 __attribute__((vector_size(16), aligned(4), may_alias));
typedef float numbers_6 __attribute__((vector_size(32), aligned(4), may_alias));
#define WIDEN(R, from) __builtin_convertvector(*(const numbers_##R *)(from), lanes_##R)
#define STRIDE(R) ((R) == 3 ? 4 : 8)

/* One vector: rest -= L x for one row; x has the stride. */
#define ALONE(R) \
    INLINE void gather_##R(const int32_t begin, const int32_t end, const int32_t *restrict indices, const float *restrict data, \
                           const double *restrict x, double *restrict rest) \
    { \
        lanes_##R sums[R] = {0}; \
        for (int32_t j = begin; j < end; ++j) { \
            const float *restrict block = data + (int64_t)j * R * R; \
            const lanes_##R at = *(const lanes_##R *)(x + (int64_t)indices[j] * STRIDE(R)); \
            for (int r = 0; r < R; ++r) \
                sums[r] += WIDEN(R, block + r * R) * at; \
        } \
        for (int r = 0; r < R; ++r) \
            for (int c = 0; c < R; ++c) \
                rest[r] -= sums[r][c]; \
    } \
    /* left -= L^T x for one row */ \
    INLINE void scatter_##R(const int32_t begin, const int32_t end, const int32_t *restrict indices, const float *restrict data, \
                            const double *restrict own, double *restrict left) \
    { \
        for (int32_t j = begin; j < end; ++j) { \
            const float *restrict block = data + (int64_t)j * R * R; \
            lanes_##R *to = (lanes_##R *)(left + (int64_t)indices[j] * STRIDE(R)), sum = *to; \
            for (int r = 0; r < R; ++r) \
                sum -= WIDEN(R, block + r * R) * own[r]; \
            *to = sum; \
        } \
    }
ALONE(3)
ALONE(6)

/* The same for K vectors: a number of every vector is one vector of the processor. */
#define TOGETHER(K) \
    typedef double many_##K __attribute__((vector_size(K * sizeof(double)), aligned(8), may_alias)); \
    INLINE void gather_many_##K(const int R, const int32_t begin, const int32_t end, const int32_t *restrict indices, \
                                const float *restrict data, const double *restrict x, double *restrict rest) \
    { \
        many_##K sums[6] = {0}; \
        for (int32_t j = begin; j < end; ++j) { \
            const float *restrict block = data + (int64_t)j * R * R; \
            const many_##K *restrict at = (const many_##K *)(x + (int64_t)indices[j] * R * K); \
            for (int c = 0; c < R; ++c) \
                for (int r = 0; r < R; ++r) \
                    sums[r] += (double)block[r * R + c] * at[c]; \
        } \
        for (int r = 0; r < R; ++r) \
            ((many_##K *)rest)[r] -= sums[r]; \
    } \
    INLINE void scatter_many_##K(const int R, const int32_t begin, const int32_t end, const int32_t *restrict indices, \
                                 const float *restrict data, const double *restrict own, double *restrict left) \
    { \
        many_##K held[6]; \
        for (int r = 0; r < R; ++r) \
            held[r] = ((const many_##K *)own)[r]; \
        for (int32_t j = begin; j < end; ++j) { \
            const float *restrict block = data + (int64_t)j * R * R; \
            many_##K *restrict to = (many_##K *)(left + (int64_t)indices[j] * R * K); \
            for (int c = 0; c < R; ++c) { \
                many_##K sum = to[c]; \
                for (int r = 0; r < R; ++r) \
                    sum -= (double)block[r * R + c] * held[r]; \
                to[c] = sum; \
            } \
        } \
    }
TOGETHER(2)
TOGETHER(4)
TOGETHER(8)

INLINE void gather(const int R, const int K, const int32_t begin, const int32_t end, const int32_t *restrict indices,
                   const float *restrict data, const double *restrict x, double *restrict rest)
{
    if (K == 1 && R == 3)
        gather_3(begin, end, indices, data, x, rest);
    else if (K == 1)
        gather_6(begin, end, indices, data, x, rest);
    else if (K == 2)
        gather_many_2(R, begin, end, indices, data, x, rest);
    else if (K == 4)
        gather_many_4(R, begin, end, indices, data, x, rest);
    else
        gather_many_8(R, begin, end, indices, data, x, rest);
}

INLINE void scatter(const int R, const int K, const int32_t begin, const int32_t end, const int32_t *restrict indices,
                    const float *restrict data, const double *restrict own, double *restrict left)
{
    if (K == 1 && R == 3)
        scatter_3(begin, end, indices, data, own, left);
    else if (K == 1)
        scatter_6(begin, end, indices, data, own, left);
    else if (K == 2)
        scatter_many_2(R, begin, end, indices, data, own, left);
    else if (K == 4)
        scatter_many_4(R, begin, end, indices, data, own, left);
    else
        scatter_many_8(R, begin, end, indices, data, own, left);
}

/* rest -= D x for one row of a group. */
INLINE void subtract(const int R, const int K, const int count, const float *restrict blocks, const double *restrict x, const int S,
                     double *restrict rest)
{
    for (int o = 0; o < count; ++o)
        for (int r = 0; r < R; ++r)
            for (int c = 0; c < R; ++c)
                for (int k = 0; k < K; ++k)
                    rest[r * K + k] -= blocks[(o * R + r) * R + c] * x[o * S + c * K + k];
}

/* One group of `count` rows from row i on: x += D^-1 (rest - L x - D x), then left -= L^T x. With `back`, rest is what the rows
   behind have left of b; else x is zero before, rest is b, and what D^-1, which is not quite that of D, leaves of it is left. */
INLINE void relax(const int R, const int K, const int count, const int32_t i, const int back, const int32_t *restrict indptr,
                  const int32_t *restrict indices, const float *restrict data, const float *restrict diagonal,
                  const float *restrict inverse, const double *restrict b, double *restrict x, double *restrict left)
{
    const int S = K == 1 ? STRIDE(R) : R * K, N = R * K;
    double rest[count * N];
    for (int m = 0; m < count; ++m) {
        for (int r = 0; r < R; ++r)
            for (int k = 0; k < K; ++k)
                rest[m * N + r * K + k] = back ? left[(int64_t)(i + m) * S + r * K + k] : b[(int64_t)(i + m) * N + r * K + k];
        gather(R, K, indptr[i + m], indptr[i + m + 1], indices, data, x, rest + m * N);
        if (back)
            subtract(R, K, count, diagonal + m * count * R * R, x + (int64_t)i * S, S, rest + m * N);
    }
    for (int m = 0; m < count; ++m) {
        double own[N];
        double *restrict to = x + (int64_t)(i + m) * S;
        for (int n = 0; n < N; ++n)
            own[n] = back ? to[n] : 0;
        for (int o = 0; o < count; ++o)
            for (int r = 0; r < R; ++r)
                for (int c = 0; c < R; ++c)
                    for (int k = 0; k < K; ++k)
                        own[r * K + k] += inverse[((m * count + o) * R + r) * R + c] * rest[(o * R + c) * K + k];
        for (int n = 0; n < S; ++n)
            to[n] = n < N ? own[n] : 0;
        scatter(R, K, indptr[i + m], indptr[i + m + 1], indices, data, own, left);
    }
    for (int m = 0; !back && m < count; ++m) {
        subtract(R, K, count, diagonal + m * count * R * R, x + (int64_t)i * S, S, rest + m * N);
        for (int n = 0; n < N; ++n)
            left[(int64_t)(i + m) * S + n] += rest[m * N + n];
    }
}

INLINE void sweep_sized(const int R, const int K, const int back, const int32_t rows, const int32_t *restrict indptr,
                        const int32_t *restrict indices, const float *restrict data, const int32_t *restrict starts,
                        const float *restrict diagonal, const float *restrict inverse, const double *restrict b,
                        double *restrict x, double *restrict left)
{
    for (int32_t done = 0; done < rows;) {
        const int32_t edge = back ? rows - done : done;
        const int count = back ? starts[edge] - starts[edge - 1] : starts[edge + 1] - starts[edge];
        const int32_t i = back ? edge - count : edge;
        const int64_t place = (int64_t)starts[i] * R * R;
        if (count == 1)
            relax(R, K, 1, i, back, indptr, indices, data, diagonal + place, inverse + place, b, x, left);
        else
            relax(R, K, count, i, back, indptr, indices, data, diagonal + place, inverse + place, b, x, left);
        done += count;
    }
}

#define EACH(M) M(3, 1) M(3, 2) M(3, 4) M(3, 8) M(6, 1) M(6, 2) M(6, 4) M(6, 8)

/* Forward from zero: x = (L + D)^-1 b, left = b - A x. x and left have the stride. */
int forward(const int R, const int K, const int32_t rows, const int32_t *indptr, const int32_t *indices, const float *data,
            const int32_t *starts, const float *diagonal, const float *inverse, const double *b, double *x, double *left)
{
    memset(left, 0, (size_t)rows * (K == 1 ? STRIDE(R) : R * K) * sizeof(double));
#define FORWARD_CASE(r, k) \
    if (R == r && K == k) { \
        sweep_sized(r, k, 0, rows, indptr, indices, data, starts, diagonal, inverse, b, x, left); \
        return 0; \
    }
    EACH(FORWARD_CASE)
    return 1;
}

/* Backward: x += (D + L^T)^-1 (b - A x), where left is b before; it is used up. Both have the stride. */
int backward(const int R, const int K, const int32_t rows, const int32_t *indptr, const int32_t *indices, const float *data,
             const int32_t *starts, const float *diagonal, const float *inverse, double *x, double *left)
{
#define BACKWARD_CASE(r, k) \
    if (R == r && K == k) { \
        sweep_sized(r, k, 1, rows, indptr, indices, data, starts, diagonal, inverse, NULL, x, left); \
        return 0; \
    }
    EACH(BACKWARD_CASE)
    return 1;
}

/* A matrix by parts: its blocks ahead of the group of each row (columns below `begin`) and those of other ranks (columns from
   `rows` on) in single precision, those of the group, dense, in double precision. Without data: only the lengths of rows. */
void split_rows(const int size, const int32_t rows, const int32_t *restrict indptr, const int32_t *restrict indices,
                const double *restrict data, const int32_t *restrict begin, const int32_t *restrict starts,
                int32_t *restrict lower_indptr, int32_t *restrict lower_indices, float *restrict lower,
                int32_t *restrict foreign_indptr, int32_t *restrict foreign_indices, float *restrict foreign,
                double *restrict diagonal)
{
    const int numbers = size * size;
    int32_t ahead = 0, abroad = 0;
    for (int32_t i = 0; i < rows; ++i) {
        const int32_t count = starts[i + 1] - starts[i];
        for (int32_t j = indptr[i]; j < indptr[i + 1]; ++j) {
            const int32_t column = indices[j];
            const double *restrict block = data ? data + (int64_t)j * numbers : NULL;
            if (column < begin[i]) {
                if (block) {
                    lower_indices[ahead] = column;
                    for (int n = 0; n < numbers; ++n)
                        lower[(int64_t)ahead * numbers + n] = (float)block[n];
                }
                ++ahead;
            } else if (column >= rows) {
                if (block) {
                    foreign_indices[abroad] = column;
                    for (int n = 0; n < numbers; ++n)
                        foreign[(int64_t)abroad * numbers + n] = (float)block[n];
                }
                ++abroad;
            } else if (block && column < begin[i] + count)
                memcpy(diagonal + ((int64_t)starts[i] + column - begin[i]) * numbers, block, numbers * sizeof(double));
        }
        if (!data) {
            lower_indptr[i + 1] = ahead;
            foreign_indptr[i + 1] = abroad;
        }
    }
}
