export const metadata = { title: 'Payment streams' };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body style={{ font: '15px/1.5 system-ui, sans-serif', maxWidth: '60rem', margin: '2rem auto' }}>{children}</body>
    </html>
  );
}
