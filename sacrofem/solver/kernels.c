/* Products and smoothing steps of block-sparse matrices with several vectors at once.

   A vector of K columns is stored row by row: x[row * K + column]. Block sizes and K are constants to the compiler in every
   branch of a switch, so that the inner loops unroll and vectorise. */

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* One row of blocks with one column: every row of a block times the column, W numbers at once of which C count. What is read
   beyond a block belongs to the next one; the last block and the last column, at `safe` and `edge`, are multiplied one by one. */
#define ROW_ALONE(T, C, W) \
    typedef T vector_##T##_##C __attribute__((vector_size(W * sizeof(T)), aligned(sizeof(T)), may_alias)); \
    INLINE void row_##T##_##C(const int R, const int32_t begin, const int32_t end, const int32_t safe, const int32_t edge, \
                              const int32_t *restrict indices, const T *restrict data, const T *restrict x, T *restrict out) \
    { \
        vector_##T##_##C sums[6] = {0}; \
        for (int32_t j = begin; j < end; ++j) { \
            const T *restrict block = data + (int64_t)j * R * C; \
            const T *restrict column = x + (int64_t)indices[j] * C; \
            if (j < safe && indices[j] < edge) { \
                const vector_##T##_##C factor = *(const vector_##T##_##C *)column; \
                for (int r = 0; r < R; ++r) \
                    sums[r] += *(const vector_##T##_##C *)(block + r * C) * factor; \
            } else \
                for (int r = 0; r < R; ++r) \
                    for (int c = 0; c < C; ++c) \
                        out[r] -= block[r * C + c] * column[c]; \
        } \
        for (int r = 0; r < R; ++r) \
            for (int c = 0; c < C; ++c) \
                out[r] -= sums[r][c]; \
    }

/* One row of blocks: out[R * K] -= A x. */
#define ROW(T) \
    INLINE void row_##T(const int R, const int C, const int K, const int32_t begin, const int32_t end, const int32_t safe, \
                        const int32_t edge, const int32_t *restrict indices, const T *restrict data, const T *restrict x, \
                        T *restrict out) \
    { \
        if (K == 1 && C == 3) { \
            row_##T##_3(R, begin, end, safe, edge, indices, data, x, out); \
            return; \
        } \
        if (K == 1 && C == 6) { \
            row_##T##_6(R, begin, end, safe, edge, indices, data, x, out); \
            return; \
        } \
        for (int32_t j = begin; j < end; ++j) { \
            const T *restrict block = data + (int64_t)j * R * C; \
            const T *restrict column = x + (int64_t)indices[j] * C * K; \
            for (int r = 0; r < R; ++r) \
                for (int c = 0; c < C; ++c) \
                    for (int k = 0; k < K; ++k) \
                        out[r * K + k] -= block[r * C + c] * column[c * K + k]; \
        } \
    }

/* sign = 1: y = A x; sign = -1 with b: y = b - A x; add: y += A x. */
#define PRODUCT(T) \
    INLINE void product_##T##_sized(const int R, const int C, const int K, const int32_t rows, const int32_t edge, \
                                    const int32_t *restrict indptr, const int32_t *restrict indices, \
                                    const T *restrict data, const T *restrict x, const T *restrict b, T *restrict y, \
                                    const int add) \
    { \
        const int32_t safe = indptr[rows] - 1; \
        for (int32_t i = 0; i < rows; ++i) { \
            T out[R * K]; \
            T *restrict to = y + (int64_t)i * R * K; \
            for (int n = 0; n < R * K; ++n) \
                out[n] = b ? b[(int64_t)i * R * K + n] : (T)0; \
            row_##T(R, C, K, indptr[i], indptr[i + 1], safe, edge, indices, data, x, out); \
            for (int n = 0; n < R * K; ++n) \
                to[n] = b ? out[n] : add ? to[n] - out[n] : -out[n]; \
        } \
    } \
    int product_##T(const int R, const int C, const int K, const int32_t rows, const int32_t edge, const int32_t *indptr, \
                    const int32_t *indices, const T *data, const T *x, const T *b, T *y, const int add) \
    { \
        switch (R * 10000 + C * 100 + K) { \
            EACH_SHAPE(PRODUCT_CASE, T) \
        default: \
            return 1; \
        } \
    }
#define PRODUCT_CASE(T, R, C, K) \
    case R * 10000 + C * 100 + K: \
        product_##T##_sized(R, C, K, rows, edge, indptr, indices, data, x, b, y, add); \
        return 0;

/* A step of Chebyshev's iteration: d = alpha d + beta D^-1 (b - A x); x is left to the caller, who adds d.
   begin: x is zero, and so is what d was. */
#define STEP(T) \
    INLINE void step_##T##_sized(const int R, const int K, const int32_t rows, const int32_t edge, \
                                 const int32_t *restrict indptr, \
                                 const int32_t *restrict indices, const T *restrict data, const T *restrict inverse, \
                                 const T *restrict x, const T *restrict b, T *restrict d, const T alpha, const T beta, \
                                 const int begin) \
    { \
        const int32_t safe = indptr[rows] - 1; \
        for (int32_t i = 0; i < rows; ++i) { \
            T out[R * K]; \
            const T *restrict block = inverse + (int64_t)i * R * R; \
            T *restrict to = d + (int64_t)i * R * K; \
            for (int n = 0; n < R * K; ++n) \
                out[n] = b[(int64_t)i * R * K + n]; \
            if (!begin) \
                row_##T(R, R, K, indptr[i], indptr[i + 1], safe, edge, indices, data, x, out); \
            for (int r = 0; r < R; ++r) \
                for (int k = 0; k < K; ++k) { \
                    T sum = 0; \
                    for (int c = 0; c < R; ++c) \
                        sum += block[r * R + c] * out[c * K + k]; \
                    to[r * K + k] = (begin ? (T)0 : alpha * to[r * K + k]) + beta * sum; \
                } \
        } \
    } \
    int step_##T(const int R, const int K, const int32_t rows, const int32_t edge, const int32_t *indptr, \
                 const int32_t *indices, \
                 const T *data, const T *inverse, const T *x, const T *b, T *d, const T alpha, const T beta, \
                 const int begin) \
    { \
        switch (R * 100 + K) { \
            EACH_SQUARE(STEP_CASE, T) \
        default: \
            return 1; \
        } \
    }
#define STEP_CASE(T, R, K) \
    case R * 100 + K: \
        step_##T##_sized(R, K, rows, edge, indptr, indices, data, inverse, x, b, d, alpha, beta, begin); \
        return 0;

#define RELAX_CASE(T, R, K) \
    case R * 100 + K: \
        relax_sized(R, K, rows, indptr, indices, data, r, d, alpha, beta); \
        return 0;

#define EACH_WIDTH(M, ...) M(__VA_ARGS__, 1) M(__VA_ARGS__, 2) M(__VA_ARGS__, 4) M(__VA_ARGS__, 8)
#define EACH_SHAPE(M, T) EACH_WIDTH(M, T, 3, 3) EACH_WIDTH(M, T, 6, 6) EACH_WIDTH(M, T, 3, 6) EACH_WIDTH(M, T, 6, 3)
#define EACH_SQUARE(M, T) EACH_WIDTH(M, T, 3) EACH_WIDTH(M, T, 6)

ROW_ALONE(float, 3, 4)
ROW_ALONE(float, 6, 8)
ROW_ALONE(double, 3, 4)
ROW_ALONE(double, 6, 8)
ROW(float)
ROW(double)
PRODUCT(float)
PRODUCT(double)
STEP(float)

/* d = alpha d + beta D^-1 r, where D^-1 has rows of several blocks. */
INLINE void relax_sized(const int R, const int K, const int32_t rows, const int32_t *restrict indptr,
                        const int32_t *restrict indices, const float *restrict data, const float *restrict r,
                        float *restrict d, const float alpha, const float beta)
{
    for (int32_t i = 0; i < rows; ++i) {
        float out[R * K];
        for (int n = 0; n < R * K; ++n)
            out[n] = 0;
        row_float(R, R, K, indptr[i], indptr[i + 1], indptr[rows] - 1, rows - 1, indices, data, r, out);
        for (int n = 0; n < R * K; ++n)
            d[(int64_t)i * R * K + n] = alpha * d[(int64_t)i * R * K + n] - beta * out[n];
    }
}
int relax_float(const int R, const int K, const int32_t rows, const int32_t *indptr, const int32_t *indices, const float *data,
                const float *r, float *d, const float alpha, const float beta)
{
    switch (R * 100 + K) {
        EACH_SQUARE(RELAX_CASE, float)
    default:
        return 1;
    }
}

/* x += alpha p, r -= alpha q, squares = sum r^2 by column. */
void advance(const int64_t rows, const int K, const double *restrict alpha, const double *restrict p,
             const double *restrict q, double *restrict x, double *restrict r, double *restrict squares)
{
    memset(squares, 0, K * sizeof(double));
    for (int64_t i = 0; i < rows; ++i)
        for (int k = 0; k < K; ++k) {
            const int64_t n = i * K + k;
            x[n] += alpha[k] * p[n];
            r[n] -= alpha[k] * q[n];
            squares[k] += r[n] * r[n];
        }
}

/* p = z + beta p, where z is given in single precision. */
void redirect(const int64_t rows, const int K, const double *restrict beta, const float *restrict z, double *restrict p)
{
    for (int64_t i = 0; i < rows; ++i)
        for (int k = 0; k < K; ++k)
            p[i * K + k] = z[i * K + k] + beta[k] * p[i * K + k];
}

/* products = sum a b by column. */
void project(const int64_t rows, const int K, const double *restrict a, const double *restrict b, double *restrict products)
{
    memset(products, 0, K * sizeof(double));
    for (int64_t i = 0; i < rows; ++i)
        for (int k = 0; k < K; ++k)
            products[k] += a[i * K + k] * b[i * K + k];
}
